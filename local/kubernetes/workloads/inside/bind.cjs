// A pod has an address of its own: a server in it that listens on every address listens on that one.
const net = require("net");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  const everywhere = ["number", "string"].includes(typeof port) && !Number.isNaN(Number(port)) && typeof rest[0] !== "string";
  return everywhere ? listen.call(this, port, process.env.LOCAL_ADDRESS, ...rest) : listen.call(this, port, ...rest);
};
