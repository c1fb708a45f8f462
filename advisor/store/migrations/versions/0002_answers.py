"""What people answer to recommendations, the stages these have reached, and the items of checklists."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "answers",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("concern", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("share", sa.Double()),
        sa.Column("value", sa.Double()),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
    )
    op.create_index("ix_answers_concern_ended_at", "answers", ["concern", "ended_at"], unique=False)
    op.create_table(
        "stages",
        sa.Column("concern", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("concern", name="pk_stages"),
    )
    op.create_table(
        "items_done",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("stack", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_items_done"),
    )
    op.create_index("ix_items_done_stack_item", "items_done", ["stack", "item"], unique=False)
