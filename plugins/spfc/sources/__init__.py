"""Places that items come from, one module each, with the promises in ``base``."""
