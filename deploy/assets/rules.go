package assets

import (
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxStaticRedirects  = 2000
	maxDynamicRedirects = 100
	maxHeaderRules      = 100
	maxRuleBytes        = 1000
)

// pattern matches a whole path; its groups are named by placeholders.
type pattern struct{ re *regexp.Regexp }

func matchesAny(patterns []pattern, path string) bool {
	return slices.ContainsFunc(patterns, func(p pattern) bool { return p.re.MatchString(path) })
}

// compileGlob makes a pattern in which only "*" is special.
func compileGlob(glob string) pattern {
	parts := strings.Split(glob, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return pattern{regexp.MustCompile(`^(?s:` + strings.Join(parts, ".*") + `)$`)}
}

var placeholder = regexp.MustCompile(`:[A-Za-z]\w*`)

// compileRule makes a pattern of a rule's path: "*" is the splat, ":name" one
// segment. It fails on a second splat or a placeholder used twice.
func compileRule(path string) (p pattern, dynamic, ok bool) {
	if len(path) > maxRuleBytes || strings.Count(path, "*") > 1 {
		return pattern{}, false, false
	}
	names := placeholder.FindAllString(path, -1)
	seen := map[string]bool{":splat": strings.Contains(path, "*")}
	for _, name := range names {
		if seen[name] {
			return pattern{}, false, false
		}
		seen[name] = true
	}
	var b strings.Builder
	b.WriteString(`^(?s:`)
	rest := path
	for rest != "" {
		at := placeholder.FindStringIndex(rest)
		star := strings.IndexByte(rest, '*')
		switch {
		case star >= 0 && (at == nil || star < at[0]):
			b.WriteString(regexp.QuoteMeta(rest[:star]) + `(?P<splat>.*)`)
			rest = rest[star+1:]
		case at != nil:
			b.WriteString(regexp.QuoteMeta(rest[:at[0]]) + `(?P<` + rest[at[0]+1:at[1]] + `>[^/]+)`)
			rest = rest[at[1]:]
		default:
			b.WriteString(regexp.QuoteMeta(rest))
			rest = ""
		}
	}
	b.WriteString(`)$`)
	re, err := regexp.Compile(b.String())
	return pattern{re}, len(names) > 0 || seen[":splat"], err == nil
}

// fill returns text with the placeholders of a match of path put in, false
// when path does not match.
func (p pattern) fill(path, text string) (string, bool) {
	groups := p.re.FindStringSubmatch(path)
	if groups == nil {
		return "", false
	}
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		if i := p.re.SubexpIndex(name[1:]); i >= 0 {
			return groups[i]
		}
		return name
	}), true
}

// redirects are the rules of a _redirects file.
type redirects struct {
	static  map[string]redirectRule
	dynamic []redirectRule
}

type redirectRule struct {
	from   pattern
	to     string
	status int
}

// parseRedirects reads the lines "from to [status]". Lines that cannot be a
// rule are skipped, as on the platform.
func parseRedirects(text string) *redirects {
	rules := &redirects{static: map[string]redirectRule{}}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || len(fields) > 3 || fields[0][0] == '#' || fields[0][0] != '/' {
			continue
		}
		rule := redirectRule{to: fields[1], status: http.StatusFound}
		if len(fields) == 3 {
			status, err := strconv.Atoi(fields[2])
			if err != nil || !slices.Contains([]int{200, 301, 302, 303, 307, 308}, status) {
				continue
			}
			rule.status = status
		}
		local := strings.HasPrefix(rule.to, "/") && !strings.HasPrefix(rule.to, "//")
		target, err := url.Parse(rule.to)
		if err != nil || len(rule.to) > maxRuleBytes || !local && (rule.status == http.StatusOK || target.Scheme != "https" && target.Scheme != "http" || target.Host == "") {
			continue
		}
		if !local && target.Path == "" {
			rule.to = target.Scheme + "://" + target.Host + "/" + strings.TrimPrefix(rule.to, target.Scheme+"://"+target.Host)
		}
		from, dynamic, ok := compileRule(fields[0])
		if !ok {
			continue
		}
		rule.from = from
		if _, twice := rules.static[fields[0]]; !dynamic && !twice && len(rules.static) < maxStaticRedirects {
			rules.static[fields[0]] = rule
		} else if dynamic && len(rules.dynamic) < maxDynamicRedirects {
			rules.dynamic = append(rules.dynamic, rule)
		}
	}
	return rules
}

// match returns where a path leads; with status 200 to is another path of this
// site, to be served in its place.
func (r *redirects) match(path, search string) (to string, status int, ok bool) {
	rule, ok := r.static[path]
	if ok {
		to = rule.to
	}
	for i := 0; !ok && i < len(r.dynamic); i++ {
		rule = r.dynamic[i]
		to, ok = rule.from.fill(path, rule.to)
	}
	if !ok {
		return "", 0, false
	}
	if strings.HasPrefix(rule.to, "/") {
		// What a splat brings in must not turn a path into another host.
		to = "/" + strings.TrimLeft(to, `/\`)
	}
	before, fragment, hasFragment := strings.Cut(to, "#")
	if !strings.Contains(before, "?") {
		before += search
	}
	if hasFragment {
		before += "#" + fragment
	}
	return before, rule.status, true
}

// headerRule is one block of a _headers file.
type headerRule struct {
	path   pattern
	set    [][2]string // name and value with placeholders, in order
	remove []string
}

// parseHeaders reads blocks of a path line and "Name: value" or "! Name"
// lines. What cannot be read is skipped, as on the platform.
func parseHeaders(text string) []headerRule {
	var rules []headerRule
	inRule := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '/':
			path, _, ok := compileRule(line)
			if inRule = ok && len(rules) < maxHeaderRules; inRule {
				rules = append(rules, headerRule{path: path})
			}
		case !inRule:
		case line[0] == '!':
			rule := &rules[len(rules)-1]
			rule.remove = append(rule.remove, strings.TrimSpace(line[1:]))
		default:
			name, value, ok := strings.Cut(line, ":")
			name, value = strings.TrimSpace(name), strings.TrimSpace(value)
			if ok && validHeader(name, value) {
				rule := &rules[len(rules)-1]
				rule.set = append(rule.set, [2]string{name, value})
			}
		}
	}
	return rules
}

// framing are headers that say how the answer is sent, which is the server's.
var framing = []string{"Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Trailer", "Te"}

func validHeader(name, value string) bool {
	if name == "" || slices.Contains(framing, textproto.CanonicalMIMEHeaderKey(name)) {
		return false
	}
	token := !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
	return token && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// applyHeaders changes header by the rules that match path. The first rule
// that sets a name replaces what is there, later ones add to it.
func applyHeaders(rules []headerRule, path string, header http.Header) {
	done := map[string]bool{}
	for _, rule := range rules {
		if !rule.path.re.MatchString(path) {
			continue
		}
		for _, name := range rule.remove {
			header.Del(name)
		}
		for _, entry := range rule.set {
			name := http.CanonicalHeaderKey(entry[0])
			value, _ := rule.path.fill(path, entry[1])
			if name == "Set-Cookie" {
				value = withoutDomain(value)
			}
			if done[name] {
				header.Add(name, value)
			} else {
				header.Set(name, value)
			}
			done[name] = true
		}
	}
}

// withoutDomain keeps a cookie on the app's own host: with a Domain an app
// could plant it for the workspace or another app.
func withoutDomain(cookie string) string {
	parts := strings.Split(cookie, ";")
	kept := parts[:1]
	for _, part := range parts[1:] {
		if name, _, _ := strings.Cut(part, "="); !strings.EqualFold(strings.TrimSpace(name), "domain") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ";")
}
