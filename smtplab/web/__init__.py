"""The inbox of `smtplab serve` in a browser, and its API; a reader of what the server keeps, and nothing more."""
