"""Azure's SDKs are imported at first use, by whichever thread comes first; what has to happen before that."""


def load() -> None:
    """Imports what all of them stand on. To be called in one thread, before others can begin.

    The modules of azure.core import each other in a circle: of two threads that enter it at different places each waits for the
    other, until Python ends one with a deadlock error. Seen in the preflight's checks, which run side by side.
    """
    import azure.core.pipeline.policies
    import azure.core.rest  # noqa: F401 - likewise for its effect
    from azure.core.pipeline.transport import RequestsTransport  # noqa: F401 - loaded when it is named
