package demo

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed apps
var apps embed.FS

// reply is one answer: texts, then calls.
type reply struct {
	say   []string
	calls []call
}

type call struct {
	tool  string
	input any
}

type fields = map[string]any

// writeInput keeps the path in front, as models write it: whoever watches the
// call being written sees first which file it is.
type writeInput struct {
	FilePath string `json:"file_path"`
	Content  string `json:"content"`
}

func say(text string, calls ...call) reply { return reply{say: []string{text}, calls: calls} }

// app is one recorded build.
type app struct {
	folder string // below apps
	name   string // of the template, as people see it
	prompt string // what to ask for
	asked  *regexp.Regexp
	// mark is a file that only the template has, built one that only the
	// finished app has, or, with builtText, whose text tells.
	mark, built, builtText string
	styles                 string // the file with the accent colour
	accents                []accent
	accentVar              string
	build                  func(v view, turn int) reply
}

// accent is a colour that a repeat changes to, light and dark.
type accent struct{ name, value, on string }

func builds() []app {
	return []app{
		{
			folder: "web-app", name: "Web app", prompt: "Build a todo list. Keep items after a reload, and let me filter by done.",
			asked: regexp.MustCompile(`(?i)\b(to-?dos?|task list|check ?list)\b`),
			mark:  "src/App.tsx", built: "src/todos.ts", styles: "src/index.css", accentVar: "--color-accent",
			accents: []accent{
				{"green", "light-dark(#2f6b4f, #8fd3ae)", "light-dark(#ffffff, #10231a)"},
				{"blue", "light-dark(#2f5aa8, #a8c5ff)", "light-dark(#ffffff, #101d33)"},
				{"plum", "light-dark(#7d3868, #e6aed6)", "light-dark(#ffffff, #2b1024)"},
				{"terracotta", "light-dark(#9c4719, #f4b08c)", "light-dark(#ffffff, #301404)"},
			},
			build: buildTodos,
		},
		{
			folder: "static-page", name: "Static page", prompt: "Build a page for a small bakery with its opening hours.",
			asked: regexp.MustCompile(`(?i)\b(bakery|bakers?|bread)\b`),
			mark:  "style.css", built: "index.html", builtText: "Mill Lane Bakery", styles: "style.css", accentVar: "--accent",
			accents: []accent{
				{"copper", "light-dark(#9c4a16, #f0b27d)", "light-dark(#ffffff, #2b1606)"},
				{"olive", "light-dark(#5b6420, #cdd886)", "light-dark(#ffffff, #1f2308)"},
				{"cherry", "light-dark(#a02c3c, #f5a6ae)", "light-dark(#ffffff, #33080e)"},
				{"slate", "light-dark(#3f5a6b, #a9cbdf)", "light-dark(#ffffff, #0d1d27)"},
			},
			build: buildBakery,
		},
	}
}

const keyHint = "\n\nTo build anything else, give Surgent a model: put a line into `.env.local` and start it again.\n\n```\nANTHROPIC_API_KEY=your key\n```"

// answer decides what the demo says now.
func answer(v view) reply {
	switch {
	case !v.writes:
		return say("This is the demo model: it cannot answer questions. In Code mode it plays one recorded build per template, which costs nothing:\n" + list(builds()) + keyHint)
	case !wanted(v.prompt):
		return say(offer(builds()) + keyHint)
	case v.turn == 0:
		return say("I'll look at what is there first.", call{"Glob", fields{"pattern": "**/*"}})
	}
	if r, failed := v.trouble(); failed {
		return say(fmt.Sprintf("%s failed: %s\n\nThe demo model plays one recorded build and cannot work around this. What is done so far is saved.", r.tool, firstLine(r.text)))
	}
	listing, _ := v.result("Glob", "")
	for _, a := range builds() {
		if !strings.Contains(listing.text, "/"+a.mark) {
			continue
		}
		if !a.asked.MatchString(v.prompt) {
			return say(offer([]app{a}) + keyHint)
		}
		return a.play(v, listing.text)
	}
	return say("This project is not one that the demo model knows. " + offer(builds()) + keyHint)
}

func wanted(prompt string) bool {
	for _, a := range builds() {
		if a.asked.MatchString(prompt) {
			return true
		}
	}
	return false
}

func offer(apps []app) string {
	if len(apps) == 1 {
		return "This is the demo model: it plays one recorded build and costs nothing. In this project it builds one thing. Try: “" + apps[0].prompt + "”"
	}
	return "This is the demo model: it plays one recorded build per template and costs nothing. It can build:\n" + list(apps)
}

// list tells for each template what to ask for.
func list(apps []app) string {
	var b strings.Builder
	for _, a := range apps {
		b.WriteString("\n- " + a.name + ": “" + a.prompt + "”")
	}
	return b.String()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// play goes on with a build, or, when it was made before, with one visible
// change.
func (a app) play(v view, listing string) reply {
	if a.builtText == "" {
		if strings.Contains(listing, "/"+a.built) && !writtenNow(v, a.built) {
			return a.repaint(v, v.turn)
		}
		return a.build(v, v.turn)
	}
	// Only the file's text tells, so both ways begin with reading it.
	if v.turn == 1 {
		return a.build(v, 1)
	}
	if r, ok := v.result("Read", a.built); ok && strings.Contains(r.text, a.builtText) {
		return a.repaint(v, v.turn)
	}
	return a.build(v, v.turn)
}

// writtenNow tells whether a file was written since the prompt.
func writtenNow(v view, name string) bool {
	_, ok := v.result("Write", name)
	return ok
}

// repaint gives the app its next accent colour.
func (a app) repaint(v view, turn int) reply {
	path := v.dir + a.styles
	styles, read := v.result("Read", a.styles)
	_, edited := v.result("Edit", a.styles)
	lint, linted := v.result("Bash", "")
	switch {
	case !read:
		return say("The app is there already, so this changes one thing: its colour.", call{"Read", fields{"file_path": path}})
	case !edited:
		now, next, ok := a.nextAccent(styles.text)
		if !ok {
			return say("The colours were changed by hand, so the demo model leaves them as they are." + keyHint)
		}
		on := strings.Replace(a.accentVar, "accent", "on-accent", 1)
		return say("From "+now.name+" to "+next.name+", in both themes.",
			call{"Edit", fields{"file_path": path, "old_string": a.accentVar + ": " + now.value, "new_string": a.accentVar + ": " + next.value}},
			call{"Edit", fields{"file_path": path, "old_string": on + ": " + now.on, "new_string": on + ": " + next.on}})
	case !linted:
		return say("Now the linter.", lintCall())
	}
	_, next, _ := a.nextAccent(styles.text)
	return say("The accent is " + next.name + " now. Ask again for the next colour." + lintNote(lint))
}

func (a app) nextAccent(styles string) (now, next accent, ok bool) {
	for i, c := range a.accents {
		if strings.Contains(styles, a.accentVar+": "+c.value) {
			return c, a.accents[(i+1)%len(a.accents)], true
		}
	}
	return accent{}, accent{}, false
}

func lintCall() call {
	return call{"Bash", fields{"command": "bun run lint", "description": "Check the code with the linter"}}
}

func lintNote(r result) string {
	if !r.isError {
		return ""
	}
	return "\n\nThe linter does not agree with all of it: `" + firstLine(r.text) + "`"
}
