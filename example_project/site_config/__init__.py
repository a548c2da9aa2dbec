"""The example site: settings, addresses, and the pages that are not an app's."""
