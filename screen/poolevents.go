package screen

// The events of the practice pool, which is told of many miners.

// poolForm returns the form of an event of the practice pool, by its message; nil: it
// has none.
func (e *event) poolForm() func(*event) []word {
	if !e.has("worker") {
		return nil
	}
	switch e.Message {
	case "share accepted":
		return (*event).poolAccepted
	case "share rejected":
		return (*event).poolRejected
	case "difficulty set":
		return (*event).poolDifficulty
	}
	return nil
}

// poolAccepted is "accepted  rig1  diff 0.0072 of 0.002".
func (e *event) poolAccepted() []word {
	line := append(words("accepted", green, 1), words(e.text("worker"), plain, 2)...)
	return append(line, words("diff "+e.text("share_difficulty")+" of "+e.text("job_difficulty"), plain, 2)...)
}

func (e *event) poolRejected() []word {
	line := append(words("rejected", red, 1), words(e.text("worker"), plain, 2)...)
	line = append(line, words(e.text("text"), plain, 2)...)
	return append(line, word{spans: []span{{"code " + e.text("code"), plain}}, gap: 2})
}

func (e *event) poolDifficulty() []word {
	line := append(words("difficulty", plain, 1), words(e.text("worker"), plain, 2)...)
	return append(line, words(e.text("difficulty"), plain, 2)...)
}
