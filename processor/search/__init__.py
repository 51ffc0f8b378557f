"""Where an event is: in the topic, behind or before what destinations have committed, among the dead letters."""
