"""Purpose, consultation, pseudonyms, access and rights: what makes worn sensors acceptable."""
