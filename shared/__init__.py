"""The product. function_app.py registers its functions, services.py makes the adapters, workflows.py has every kind of run."""
