package demo

import "regexp"

// file returns a file of a recorded app.
func file(app, name string) string {
	raw, err := apps.ReadFile("apps/" + app + "/" + name)
	if err != nil {
		panic("demo: " + err.Error()) // embedded: absent only by a mistake here
	}
	return string(raw)
}

func read(v view, names ...string) []call {
	var out []call
	for _, n := range names {
		out = append(out, call{"Read", fields{"file_path": v.dir + n}})
	}
	return out
}

func write(v view, app string, names ...string) []call {
	var out []call
	for _, n := range names {
		out = append(out, call{"Write", writeInput{v.dir + n, file(app, n)}})
	}
	return out
}

// plan writes the plan with the first done items done, and the next one in
// progress.
func plan(items [][2]string, done int) call {
	todos := []any{}
	for i, item := range items {
		status := "pending"
		switch {
		case i < done:
			status = "completed"
		case i == done:
			status = "in_progress"
		}
		todos = append(todos, fields{"content": item[0], "status": status, "activeForm": item[1]})
	}
	return call{"TodoWrite", fields{"todos": todos}}
}

func join(lists ...[]call) []call {
	var out []call
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

var titleTag = regexp.MustCompile(`<title>[^<]*</title>`)

// title changes the title that was read from index.html.
func title(v view, text string) []call {
	r, _ := v.result("Read", "index.html")
	old := titleTag.FindString(r.text)
	want := "<title>" + text + "</title>"
	if old == "" || old == want {
		return nil
	}
	return []call{{"Edit", fields{"file_path": v.dir + "index.html", "old_string": old, "new_string": want}}}
}

var todoPlan = [][2]string{
	{"Keep the list in the browser", "Keeping the list in the browser"},
	{"Draw the items and the colours", "Drawing the items and the colours"},
	{"Put the page together", "Putting the page together"},
	{"Check with the linter", "Checking with the linter"},
}

func buildTodos(v view, turn int) reply {
	const name = "web-app"
	switch turn {
	case 1:
		return say("A fresh web app. The list gets a form, a filter by open and done, and a light and a dark theme; items stay in the browser.",
			join([]call{plan(todoPlan, 0)}, read(v, "src/App.tsx", "src/index.css", "index.html"))...)
	case 2:
		return say("First the list itself: every change goes into the browser's storage, and a second tab follows.",
			write(v, name, "src/todos.ts", "src/theme.ts")...)
	case 3:
		return say("Now one item, and colours that have a light and a dark side.",
			join([]call{plan(todoPlan, 1)}, write(v, name, "src/TodoItem.tsx", "src/index.css"))...)
	case 4:
		return say("And the page: form, filter, progress, and a place that says something kind when the list is empty.",
			join([]call{plan(todoPlan, 2)}, write(v, name, "src/App.tsx"), title(v, "Todo list"))...)
	case 5:
		return say("All files are written. The linter has the last word.", plan(todoPlan, 3), lintCall())
	case 6:
		return say("That was the last item.", plan(todoPlan, 4))
	}
	lint, _ := v.result("Bash", "")
	return say("The todo list works: add an item, tick it off, filter by open or done. Items are still there after a reload, and the moon switches to the dark theme." + lintNote(lint))
}

var bakeryPlan = [][2]string{
	{"Write the words", "Writing the words"},
	{"Give the page its look", "Giving the page its look"},
	{"Check with the linter", "Checking with the linter"},
}

func buildBakery(v view, turn int) reply {
	const name = "static-page"
	switch turn {
	case 1:
		return say("One page is enough for a bakery: who they are, what they bake, when they are open.",
			read(v, "index.html", "style.css")...)
	case 2:
		return say("The look comes first, so that the words never stand there bare.",
			join([]call{plan(bakeryPlan, 0)}, write(v, name, "style.css"))...)
	case 3:
		return say("Now the words, with a table that screen readers can read and a loaf drawn in place.",
			join([]call{plan(bakeryPlan, 1)}, write(v, name, "index.html"))...)
	case 4:
		return say("All files are written. The linter has the last word.", plan(bakeryPlan, 2), lintCall())
	case 5:
		return say("That was the last item.", plan(bakeryPlan, 3))
	}
	lint, _ := v.result("Bash", "")
	return say("The bakery has its page: opening hours, four breads with prices, and where to find it. The names and prices are made up: put yours in their place." + lintNote(lint))
}
