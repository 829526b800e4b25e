"""The HTTP face: the app, its routes and the web page."""
