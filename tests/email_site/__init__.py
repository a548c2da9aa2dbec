"""An app whose users are known by their e-mail address and have UUIDs for primary keys."""
