"""The FastAPI endpoint and GourmetGram's page, started and measured."""
