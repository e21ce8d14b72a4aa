package value_test

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"surgent.dev/surgent/convex/value"
)

func TestJSONForm(t *testing.T) {
	t.Parallel()
	cases := []struct {
		v    value.Value
		want string
	}{
		{nil, `null`},
		{true, `true`},
		{0.0, `0`},
		{1.0, `1`},
		{-1.5, `-1.5`},
		{1e21, `1e+21`},
		{float64(1 << 53), `9.007199254740992e+15`},
		{math.Copysign(0, -1), `{"$float":"AAAAAAAAAIA="}`},
		{math.NaN(), `{"$float":"AQAAAAAA+H8="}`},
		{math.Inf(1), `{"$float":"AAAAAAAA8H8="}`},
		{value.Int64(1), `{"$integer":"AQAAAAAAAAA="}`},
		{value.Int64(-1), `{"$integer":"//////////8="}`},
		{[]byte{1, 2, 3, 4}, `{"$bytes":"AQIDBA=="}`},
		{"a\"\\\n\x00é\u2028", `"a\"\\\n\u0000é` + "\u2028" + `"`},
		{"\xff", `"` + "\ufffd" + `"`},
		{value.Object{"b": 1.0, "a": value.Array{nil, value.Object{}}}, `{"a":[null,{}],"b":1}`},
	}
	for _, c := range cases {
		got, err := value.Encode(c.v)
		if err != nil || string(got) != c.want {
			t.Errorf("encode %#v = %s, %v; want %s", c.v, got, err, c.want)
			continue
		}
		if strings.Contains(c.want, "\ufffd") {
			continue
		}
		back, err := value.Decode(got)
		if err != nil || !value.Equal(back, c.v) {
			t.Errorf("decode %s = %#v, %v; want %#v", got, back, err, c.v)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", value.MaxDepth+2) + strings.Repeat("]", value.MaxDepth+2)
	for _, s := range []string{
		``, `nul`, `1 2`, `{"$integer":"AQ=="}`, `{"$integer":"AQAAAAAAAAA"}`, `{"$integer":1}`, `{"$float":"AAAAAAAA8D8="}`,
		`{"$bytes":"A"}`, `{"$set":[]}`, `{"$x":1,"y":2}`, `{"é":1}`, `{"$commitTs":null}`, deep,
	} {
		if v, err := value.Decode([]byte(s)); err == nil {
			t.Errorf("decode %s = %#v, want an error", s, v)
		}
	}
}

func TestCleanForm(t *testing.T) {
	t.Parallel()
	v := value.Object{"n": 1.0, "i": value.Int64(7), "b": []byte("hi"), "x": math.NaN(), "z": math.Copysign(0, -1)}
	got, err := value.EncodeClean(v)
	if want := `{"b":"aGk=","i":"7","n":1,"x":"NaN","z":0}`; err != nil || string(got) != want {
		t.Errorf("clean = %s, %v; want %s", got, err, want)
	}
}

// anyValue draws nested values of all types.
func anyValue(depth int) *rapid.Generator[value.Value] {
	scalars := []*rapid.Generator[value.Value]{
		rapid.Just[value.Value](nil),
		rapid.Map(rapid.Bool(), func(b bool) value.Value { return b }),
		rapid.Map(rapid.Float64(), func(f float64) value.Value { return f }),
		rapid.SampledFrom([]value.Value{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0.0, "", "\x00", "\x00\u00ff"}),
		rapid.Map(rapid.Int64(), func(i int64) value.Value { return value.Int64(i) }),
		rapid.Map(rapid.String(), func(s string) value.Value { return strings.ToValidUTF8(s, "?") }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) value.Value { return b }),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	inner := anyValue(depth - 1)
	return rapid.OneOf(append(scalars,
		rapid.Map(rapid.SliceOfN(inner, 0, 4), func(a []value.Value) value.Value { return a }),
		rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-z _]{0,3}`), inner, 0, 4), func(o map[string]value.Value) value.Value { return o }),
	)...)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		v := anyValue(3).Draw(rt, "v")
		b, err := value.Encode(v)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := value.Decode(b)
		if err != nil || !value.Equal(back, v) {
			rt.Fatalf("%#v went out as %s and came back as %#v, %v", v, b, back, err)
		}
		if !json.Valid(b) {
			rt.Fatalf("%s is no JSON", b)
		}
	})
}

// The order of encodings is the order of values, also inside tuples.
func TestOrderedEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		g := rapid.OneOf(anyValue(2), rapid.Just(value.Undefined))
		a := []value.Value{g.Draw(rt, "a0"), g.Draw(rt, "a1")}
		b := []value.Value{g.Draw(rt, "b0"), g.Draw(rt, "b1")}
		if rapid.Bool().Draw(rt, "same first") {
			b[0] = a[0]
		}
		want := slices.CompareFunc(a, b, compareUndefined)
		if got := bytes.Compare(encodeTuple(a), encodeTuple(b)); got != want {
			rt.Fatalf("compare %#v with %#v: encodings %d, values %d", a, b, got, want)
		}
		if want != 0 && bytes.HasPrefix(encodeTuple(b), encodeTuple(a[:1])) && compareUndefined(a[0], b[0]) != 0 {
			rt.Fatalf("the encoding of %#v begins that of %#v", a[0], b)
		}
	})
}

func compareUndefined(a, b value.Value) int {
	switch ua, ub := value.IsUndefined(a), value.IsUndefined(b); {
	case ua && ub:
		return 0
	case ua:
		return -1
	case ub:
		return 1
	}
	return value.Compare(a, b)
}

func encodeTuple(vs []value.Value) []byte {
	var b []byte
	for _, v := range vs {
		b = value.AppendOrdered(b, v)
	}
	return b
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for _, table := range []uint32{1, 127, 128, 10_000, 1<<32 - 1} {
		id := value.NewID(table)
		if got, err := value.IDTable(id); err != nil || got != table {
			t.Errorf("table of %s = %d, %v; want %d", id, got, err, table)
		}
		if len(id) < 31 || len(id) > 37 || strings.ContainsAny(id, "ilou|") {
			t.Errorf("id %q has a bad form", id)
		}
		for i := range len(id) {
			other := byte('0')
			if id[i] == '0' {
				other = '1'
			}
			if _, err := value.IDTable(id[:i] + string(other) + id[i+1:]); err == nil {
				t.Errorf("a typing error at %d in %s was not noticed", i, id)
			}
		}
		for _, bad := range []string{id + "0", id[1:], strings.ToUpper(id), "", "x"} {
			if _, err := value.IDTable(bad); err == nil {
				t.Errorf("%q passes for an id", bad)
			}
		}
	}
}

type inner struct {
	N int `json:"n"`
}

type sample struct {
	inner
	Name   string            `json:"name"`
	Opt    *string           `json:"opt,omitempty"`
	Bare   *float64          `json:"bare"`
	List   []inner           `json:"list"`
	Map    map[string]bool   `json:"map"`
	Raw    json.RawMessage   `json:"raw"`
	Any    any               `json:"any"`
	Bytes  []byte            `json:"bytes"`
	Big    value.Int64       `json:"big"`
	Skip   string            `json:"-"`
	Empty  string            `json:"empty,omitempty"`
	Nested map[string]*inner `json:"nested"`
}

func TestGoStructs(t *testing.T) {
	t.Parallel()
	s := sample{
		inner: inner{N: 3}, Name: "x", List: []inner{{1}}, Map: map[string]bool{"a": true},
		Raw: json.RawMessage(`{"k":[1]}`), Any: value.Array{1.0}, Bytes: []byte("b"), Big: 7, Skip: "secret",
		Nested: map[string]*inner{"p": {2}},
	}
	v, err := value.FromGo(s)
	if err != nil {
		t.Fatal(err)
	}
	want := value.Object{
		"n": 3.0, "name": "x", "list": value.Array{value.Object{"n": 1.0}}, "map": value.Object{"a": true},
		"raw": value.Object{"k": value.Array{1.0}}, "any": value.Array{1.0}, "bytes": []byte("b"), "big": value.Int64(7),
		"nested": value.Object{"p": value.Object{"n": 2.0}},
	}
	if d := cmp.Diff(want, v); d != "" {
		t.Errorf("from Go (-want +got):\n%s", d)
	}
	var back sample
	if err := value.ToGo(v, &back); err != nil {
		t.Fatal(err)
	}
	s.Skip = ""
	if d := cmp.Diff(s, back, cmp.AllowUnexported(sample{}, inner{})); d != "" {
		t.Errorf("back to Go (-want +got):\n%s", d)
	}
}

func TestGoMismatches(t *testing.T) {
	t.Parallel()
	var i int
	var s string
	var u8 uint8
	for _, c := range []struct {
		v   value.Value
		dst any
	}{{1.5, &i}, {"x", &i}, {1.0, &s}, {300.0, &u8}, {-1.0, &u8}, {value.Array{}, &s}, {1.0, i}} {
		if err := value.ToGo(c.v, c.dst); err == nil {
			t.Errorf("%#v went into %T", c.v, c.dst)
		}
	}
	for _, v := range []any{make(chan int), map[int]int{1: 1}, func() {}} {
		if _, err := value.FromGo(v); err == nil {
			t.Errorf("%T became a value", v)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`null`, `{"$integer":"AQAAAAAAAAA="}`, `{"a":[1,{"$bytes":"AQI="}]}`, `{"$float":"AAAAAAAA8H8="}`, `"\ud800"`, `"\ud83d\ude00\ud83dx"`, `-0`, `01`, `1.`, `1e5`, `" "`, "\"\xff\"", `[1,]`, `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := value.Decode(b)
		var plain any
		if plainErr := json.Unmarshal(b, &plain); plainErr != nil && err == nil {
			t.Fatalf("%q is no JSON: %v", b, plainErr)
		} else if plainErr == nil && err == nil && !bytes.Contains(b, []byte("$")) && !value.Equal(v, plain) {
			t.Fatalf("%q gives %#v, plain JSON gives %#v", b, v, plain)
		} else if plainErr == nil && err != nil && !bytes.ContainsAny(b, "$[{") {
			t.Fatalf("%q is JSON, but: %v", b, err)
		}
		if err != nil {
			return
		}
		out, err := value.Encode(v)
		if err != nil {
			t.Fatalf("decoded %q cannot be encoded: %v", b, err)
		}
		back, err := value.Decode(out)
		if err != nil || !value.Equal(back, v) {
			t.Fatalf("%q became %s, which is %#v, %v", b, out, back, err)
		}
	})
}

// No string but its own encoding names a document.
func FuzzID(f *testing.F) {
	f.Add(value.NewID(1), uint32(1), 3, byte('0'))
	f.Add("nonsense", uint32(1<<31), 0, byte('z'))
	f.Fuzz(func(t *testing.T, s string, table uint32, at int, c byte) {
		if n, err := value.IDTable(s); err == nil && n == 0 {
			t.Fatalf("%q is an id of table 0", s)
		}
		if table == 0 {
			return
		}
		id := value.NewID(table)
		if n, err := value.IDTable(id); err != nil || n != table {
			t.Fatalf("%q is of table %d, %v; want %d", id, n, err, table)
		}
		b := []byte(id)
		i := int(uint(at) % uint(len(b)))
		if b[i] == c {
			return
		}
		b[i] = c
		if n, err := value.IDTable(string(b)); err == nil {
			t.Fatalf("%q, which is not %q, is an id of table %d", b, id, n)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	doc := value.Object{"_id": "x", "_creationTime": 1.5, "name": "a name", "tags": value.Array{"a", "b"}, "stats": value.Object{"n": 3.0}}
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = value.Append(buf[:0], doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	text := []byte(`{"_id":"x","_creationTime":1.5,"name":"a name","tags":["a","b"],"stats":{"n":3}}`)
	for b.Loop() {
		if _, err := value.Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}
