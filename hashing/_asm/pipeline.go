package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pipeline is the loop around kernels that work on several items at once. An
// item is a group under one version; the steps of one wait for each other. So
// each turn of the loop does each step for another item: the last one for item
// c, at which the job stands, the one before for item c+1, and so on; and S1,
// the message schedule of a group, for that of item c+depth, where it is new.
//
// The first turns have no item c yet, and skip the comparison.
type pipeline struct {
	searcher
	depth, lanes int
}

// The beginning of the frame.
const (
	frameVersions = 0  // versions of the items c+1 .. c+depth
	frameAhead    = 16 // first nonce of the group that S1 is next for
	frameSkip     = 20 // turns to go until there is an item c
	framePipeline = 32 // what follows is the kernel's
)

// begin prepares for turns without an item c: the first one is to do S1 for the
// first group.
func (p *pipeline) begin() {
	MOVL(p.inJob(jobVersion), reg.EAX)
	for i := range p.depth {
		MOVL(reg.EAX, p.inFrame(frameVersions+4*i))
	}
	MOVL(p.inJob(jobNonce), reg.EAX)
	MOVL(reg.EAX, p.inFrame(frameAhead))
	MOVL(U32(uint32(p.depth)), p.inFrame(frameSkip))
}

// selectVersion makes states point to the version of item c+ahead.
func (p *pipeline) selectVersion(ahead int, states reg.GPPhysical) {
	MOVL(p.inFrame(frameVersions+4*(ahead-1)), reg.EAX)
	p.versionAt(reg.RAX, states)
}

// ifNew jumps to a label if the group of item c+depth is new.
func (p *pipeline) ifNew(label string) {
	CMPL(p.inFrame(frameVersions+4*(p.depth-1)), Imm(0))
	JE(LabelRef(label))
}

// afterS1 moves on to the next group.
func (p *pipeline) afterS1() { ADDL(Imm(uint64(p.lanes)), p.inFrame(frameAhead)) }

// unlessItem continues with the next turn if there is no item c yet.
func (p *pipeline) unlessItem() {
	SUBL(Imm(1), p.inFrame(frameSkip))
	JNS(LabelRef("shift"))
	MOVL(U32(0), p.inFrame(frameSkip))
}

// next stores the hits in RAX. It moves on to the next items and the label
// "turn", or returns.
func (p *pipeline) next(vex bool) {
	TESTL(reg.EAX, reg.EAX)
	JZ(LabelRef("next"))
	p.keepHits(reg.RCX,
		func(to reg.Register) { MOVL(p.inJob(jobNonce), to) },
		func(to reg.Register) { MOVL(p.inJob(jobVersion), to) })
	Label("next")
	INCL(p.inJob(jobVersion))
	MOVL(p.inJob(jobVersions), reg.ECX)
	CMPL(reg.ECX, p.inJob(jobVersion))
	JA(LabelRef("shift"))
	ADDL(Imm(uint64(p.lanes)), p.inJob(jobNonce))
	SUBL(Imm(1), p.inJob(jobGroups))
	JZ(LabelRef("done"))
	p.unlessStopped("shift")
	JMP(LabelRef("done"))
	Label("shift")
	to := p.inJob(jobVersion)
	for i := range p.depth {
		MOVL(p.inFrame(frameVersions+4*i), reg.EAX)
		MOVL(reg.EAX, to)
		to = p.inFrame(frameVersions + 4*i)
	}
	Comment("The version after the last one of these.")
	INCL(reg.EAX)
	XORL(reg.ECX, reg.ECX)
	CMPL(reg.EAX, p.inJob(jobVersions))
	CMOVLCC(reg.ECX, reg.EAX)
	MOVL(reg.EAX, to)
	JMP(LabelRef("turn"))
	Label("done")
	MOVL(U32(0), p.inJob(jobVersion))
	Label("return")
	giveBack(vex)
}
