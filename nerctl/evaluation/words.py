"""The report's words in English and Chinese, for the page and for the curves drawn as PNG."""

from __future__ import annotations

from html import escape

from nerctl.charts import spelled

WORDS: dict[str, tuple[str, str]] = {
    "report": ("Training report", "训练报告"),
    "summary": ("Summary", "概要"),
    "warnings": ("Warnings", "注意"),
    "no_warnings": ("No problem was found in data or run.", "数据和训练过程中没有发现问题。"),
    "curves": ("Curves", "曲线"),
    "scores": ("Scores", "得分"),
    "by_type": ("Scores by type", "各类型得分"),
    "errors": ("Errors", "错误"),
    "error_classes": ("Errors by class", "错误分类"),
    "confusion": ("Confusion of types", "类型混淆"),
    "breakdown": ("Breakdown", "细分"),
    "error_list": ("Sentences with errors", "出错的句子"),
    "data": ("Data", "数据"),
    "run": ("Run", "运行"),
    "options": ("All options", "全部选项"),
    "loss": ("Loss", "损失"),
    "dev_f1": ("Dev F1", "开发集 F1"),
    "learning_rate": ("Learning rate", "学习率"),
    "step_time": ("Step time, s", "每步用时（秒）"),
    "step": ("step", "步"),
    "type": ("Type", "类型"),
    "split": ("Split", "数据集"),
    "sentences": ("Sentences", "句子"),
    "tokens": ("Tokens", "字"),
    "entities": ("Entities", "实体"),
    "gold": ("Gold", "标注"),
    "predicted": ("Predicted", "预测"),
    "right": ("Correct", "正确"),
    "precision": ("Precision", "精确率"),
    "recall": ("Recall", "召回率"),
    "f1": ("F1", "F1"),
    "token_accuracy": ("Token accuracy", "字准确率"),
    "support": ("Support", "数量"),
    "all": ("all", "全部"),
    "none": ("none", "无"),
    "kind_correct": ("correct", "正确"),
    "kind_boundary": ("boundary", "边界错"),
    "kind_type": ("type", "类型错"),
    "kind_missed": ("missed", "漏标"),
    "kind_spurious": ("spurious", "多标"),
    "length": ("Sentence length, tokens", "句长（字）"),
    "unknown": ("Entities and [UNK]", "实体与 [UNK]"),
    "unknown_with": ("with [UNK]", "含 [UNK]"),
    "unknown_without": ("without [UNK]", "不含 [UNK]"),
    "calibration": ("Score calibration", "置信度校准"),
    "score": ("score", "置信度"),
    "share_right": ("share correct", "正确比例"),
    "calibration_error": ("Expected calibration error", "期望校准误差 (ECE)"),
    "time": ("Training time", "训练用时"),
    "best_step": ("Best step", "最佳步"),
    "device": ("Device", "设备"),
    "versions": ("Versions", "版本"),
    "command": ("Command", "命令"),
    "seed": ("Seed", "随机种子"),
    "created": ("Begun", "开始时间"),
    "finished": ("Finished", "结束时间"),
    "run_id": ("Run", "运行编号"),
    "encoder": ("Encoder", "编码器"),
    "steps": ("Steps", "步数"),
    "median_step": ("Median step", "每步中位用时"),
    "speed": ("Tokens a second", "每秒字数"),
    "padding": ("Padding", "填充比例"),
    "warmup": ("Warm-up", "预热"),
    "file": ("File", "文件"),
    "any_class": ("all classes", "全部错误"),
    "any_type": ("all types", "全部类型"),
    "search": ("text in the sentence", "句子中的文字"),
    "more": ("Show more", "显示更多"),
    "shown": ("sentences shown", "句"),
    "absent": ("This run has none.", "本次运行没有此项。"),
    "not_analysed": (
        "No scored sentences: this run was not evaluated. `nerctl report --data FILE` adds them.",
        "没有评分的句子：本次运行未评估。可用 nerctl report --data FILE 补充。",
    ),
    "needs_script": ("The list needs JavaScript.", "此列表需要 JavaScript。"),
    "language": ("中文", "English"),
    "theme": ("Light or dark", "浅色或深色"),
    "kinds_help": (
        "boundary: same type, other borders; type: overlapping, types differ; missed: in the corpus alone; "
        "spurious: in the prediction alone.",
        "边界错：类型相同、边界不同；类型错：两者重叠、类型不同；漏标：标注了但没有预测；多标：预测了但没有标注。",
    ),
    "confusion_help": (
        "Rows: type in the corpus. Columns: type of the predicted entity that stands for it.",
        "行：标注的类型；列：与之对应的预测类型。",
    ),
    "calibration_help": (
        "Bars: share of correct entities with such a score. On the diagonal, scores can be believed.",
        "柱：该置信度区间内正确实体的比例。与对角线一致时，置信度可信。",
    ),
    "from_scratch": (
        "The encoder was trained from random weights (--from-scratch): a pretrained one does better.",
        "编码器从随机权重开始训练（--from-scratch）：效果不如预训练编码器。",
    ),
}
"""Key to (English, Chinese)."""


def both(key: str) -> str:
    """Both forms of a word as HTML; the page shows the one in its language."""
    return spelled(WORDS[key])


def swapped(key: str) -> str:
    """Attributes for an element whose text or placeholder the page's script sets: an option, an input."""
    english, chinese = WORDS[key]
    return f'data-en="{escape(english)}" data-zh="{escape(chinese)}"'
