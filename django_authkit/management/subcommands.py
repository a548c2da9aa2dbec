"""The options that a subcommand takes after its name, as other commands of ``manage.py`` do."""

from argparse import SUPPRESS, ArgumentParser


def usual_options() -> ArgumentParser:
    """Return a parent of the parser of a subcommand. Django itself has read these options by then."""
    options = ArgumentParser(add_help=False)
    options.add_argument("--settings", default=SUPPRESS, help="the settings to use: project.settings")
    options.add_argument("--pythonpath", default=SUPPRESS, help="a folder to import from")
    return options
