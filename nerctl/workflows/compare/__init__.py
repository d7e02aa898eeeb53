"""Two training runs side by side: what they logged, how long their steps took, whether their losses agree."""
