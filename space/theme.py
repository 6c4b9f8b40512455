"""How the page looks: fonts that come with gradio, no request leaves the machine; light and dark."""

from typing import Any

from gradio.themes import Base, Soft
from gradio.themes.utils import colors, sizes
from gradio.themes.utils.fonts import LocalFont


def make_theme() -> Base:
    """Teal on paper by day, on ink by night; measured to keep the contrast of WCAG AA."""
    sans = (LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif")
    theme: Any = Soft(  # gradio leaves the arguments of `set` without types
        primary_hue=colors.teal,
        secondary_hue=colors.teal,
        neutral_hue=colors.stone,
        radius_size=sizes.radius_md,
        font=sans,
        font_mono=("ui-monospace", "monospace"),
    )
    return theme.set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        checkbox_label_background_fill_selected="*primary_700",
        checkbox_label_background_fill_selected_dark="*primary_700",
        checkbox_label_text_color_selected="white",
        checkbox_label_text_color_selected_dark="white",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        checkbox_label_border_color="*neutral_300",
        checkbox_label_border_color_dark="*neutral_600",
        checkbox_label_border_width="1px",
        checkbox_background_color_selected="*primary_900",
        checkbox_background_color_selected_dark="*primary_900",
        block_label_background_fill="*background_fill_secondary",
        block_label_background_fill_dark="*background_fill_secondary",
        block_label_text_color="*body_text_color",
        block_label_text_color_dark="*body_text_color",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_padding="0",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_border_width="0",
        body_background_fill="*neutral_50",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        checkbox_label_background_fill_dark="*neutral_800",
        checkbox_label_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_600",
        button_border_width="1px",
        button_cancel_background_fill="white",
        button_cancel_background_fill_dark="*neutral_900",
        button_cancel_text_color="#9f1239",
        button_cancel_text_color_dark="#fda4af",
        button_cancel_border_color="#9f1239",
        button_cancel_border_color_dark="#fda4af",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_600",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
    )
