"""Mail fetched out of a mailbox with POP3: the server that opens a maildrop, and the reader that collects from it."""
