"""The look: Textual's style sheet of the screen."""

CSS = """
Conversation { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
Conversation Static { height: auto; margin-bottom: 1; }
LogPane { height: 40%; border-top: solid $panel; padding: 0 1; display: none; }
Choices { height: auto; max-height: 8; border: none; padding: 0 1; }
#queue { height: auto; padding: 0 1; }
Prompt { height: auto; max-height: 12; border: none; border-top: solid $panel; padding: 0 1; }
#status { height: 1; padding: 0 1; background: $panel; }
ModalScreen { align: center middle; }
.question { width: 90%; max-width: 110; height: auto; max-height: 95%; padding: 1 2; border: round $accent;
  background: $surface; }
.question .title { text-style: bold; margin-bottom: 1; }
.question .detail { height: auto; max-height: 45vh; }
.question .keys { color: $text-muted; margin-top: 1; }
.question OptionList { height: auto; max-height: 16; border: none; }
"""
