package plot

import (
	"bytes"
	"encoding/xml"
)

// describe gives an SVG a title and a description, which screen readers read, and its
// text the fonts that stand in for the library's own where that is not installed.
func describe(svg []byte, title, about string) []byte {
	head := bytes.IndexByte(svg, '>') + 1
	var text bytes.Buffer
	text.Write(svg[:head])
	for _, element := range []struct{ name, text string }{{"title", title}, {"desc", about}} {
		if element.text == "" {
			continue
		}
		text.WriteString("<" + element.name + ">")
		_ = xml.EscapeText(&text, []byte(element.text)) // a Buffer takes all
		text.WriteString("</" + element.name + ">")
	}
	text.Write(svg[head:])
	const own = `font-family:'Roboto Medium',`
	return bytes.ReplaceAll(text.Bytes(), []byte(own), []byte(own+`Roboto,'DejaVu Sans',Verdana,Arial,`))
}
