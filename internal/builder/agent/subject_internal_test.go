package agent

import "testing"

func TestSubjectOf(t *testing.T) {
	t.Parallel()
	for prompt, want := range map[string]string{
		"Build a todo list. Keep items after a reload.": "Build a todo list",
		"  Fix   it\nplease":                            "Fix it",
		"Hi. Please make the header blue":               "Hi. Please make the header blue",
		"\n\n":                                          "Checkpoint",
		"Make the header of every page blue and the footer of every page green": "Make the header of every page blue and the footer of every…",
		"Ändere 3.5 in 4.5": "Ändere 3.5 in 4.5",
		"Where is the bug?": "Where is the bug",
	} {
		if got := subjectOf(prompt); got != want {
			t.Errorf("subjectOf(%q) = %q, want %q", prompt, got, want)
		}
	}
}
