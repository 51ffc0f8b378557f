"""Stand-ins for the three vendors, an embedded Kafka and made-up events, for the demo, tests and benchmarks.

Nothing here imports `processor.destinations`: a stand-in that shared code with what it checks could not disagree.
"""
