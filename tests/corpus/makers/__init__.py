"""One module a family of frameworks. Each has a list MAKERS of (framework, function); a function is given the corpus."""
