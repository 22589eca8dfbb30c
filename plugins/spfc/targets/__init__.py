"""Places that items go to, one module each, with the promises in ``base``."""
