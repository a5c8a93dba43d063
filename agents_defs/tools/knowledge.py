"""Tools that search texts: the help articles of the shop, and the documents of the research agents."""

from __future__ import annotations

import asyncio
from typing import Annotated

from agents import RunContextWrapper, function_tool
from pydantic import Field

from agents_defs.equipment import equipment
from agents_defs.library import research_documents
from agents_defs.run_context import RunContext
from agents_defs.tools.orders import as_json
from agents_defs.tools.shop_access import told_to_the_model

Words = Annotated[str, Field(description="A few words to search for.")]
HowMany = Annotated[int, Field(description="How many to return at most.", ge=1, le=10)]


@function_tool(failure_error_function=told_to_the_model)
async def search_knowledge_base(
    context: RunContextWrapper[RunContext], query: Words, limit: HowMany = 3
) -> str:
    """Searches the help articles: rules, deadlines and steps for devices, billing, shipping and accounts."""
    tenant_id = context.context.tenant_id
    mine = equipment()
    articles = mine.opened_knowledge
    if articles is None:
        articles = await asyncio.to_thread(mine.knowledge)
    found = await articles.database.in_thread(articles.search, tenant_id, query, limit)
    return as_json({"articles": [{"id": one.id, "title": one.title, "text": one.text} for one in found]})


@function_tool
async def search_documents(query: Words, limit: HowMany = 4) -> str:
    """Searches the collection of documents for a topic, and returns the passages that fit best."""
    found = research_documents().search(query, limit)
    return as_json({"documents": [{"id": one.id, "title": one.title, "text": one.text} for one in found]})


@function_tool
async def read_document(
    document_id: Annotated[str, Field(description="The id of a document that a search returned.")],
) -> str:
    """Reads one document of the collection in full."""
    found = research_documents().document(document_id)
    if found is None:
        return as_json({"error": f"there is no document {document_id}"})
    return as_json({"id": found.id, "title": found.title, "topic": found.topic, "text": found.text})
