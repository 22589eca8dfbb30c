"""The steps of a run, each a plain function over one context: no scheduler, no XCom, no connection lookup."""
