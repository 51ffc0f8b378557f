"""Golden cases: events beside a mapping, with what each is expected to come to.

Nothing here reads a clock, so a case comes to the same today and in ten years.
"""
