"""Settings: options' defaults out of files and the environment. Only commands read them; the library never does.

`search` says which files there are, for some stats; what a file says is read (`files`) and understood (`resolve`) only where
there is one.
"""
