"""The faces of backissue: HTTP, web page and command line."""
