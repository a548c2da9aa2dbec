"""What tests of several folders share: servers, stores, the site, its clients, the clock, keys and tokens."""
