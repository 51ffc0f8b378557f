"""What a configuration of an older version means in the language of today, written into the file itself."""
