"""An app whose users have UUIDs for primary keys."""
