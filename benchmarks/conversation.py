"""What every contestant is asked and answers; without imports, so that any environment can read it."""

AGENT = "bench"
QUESTION = "Where is my order 4711? It should have been here on Monday."
ANSWER = "Your order left the warehouse this morning and arrives on Thursday."
FOUND = "Order 4711: packed on Tuesday, in the van since six o'clock."
