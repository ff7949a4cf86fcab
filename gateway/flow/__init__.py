"""Floor 3: the way of a message. Read these files first.

In this order:
``intake`` (bytes to a durable answer), ``understand`` (bytes to commands),
``rules`` (the configuration they are judged by), ``deciding`` (what follows),
``waking`` (messages that came too early), ``outgoing`` (what others must hear),
``dispatch`` (what is sent, and what follows), ``recovery`` (after a crash),
``replay`` (deciding a kept message again).
"""
