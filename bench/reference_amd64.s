//go:build !purego

#include "textflag.h"

// func throughput(turns uint64)
//
// Sixteen additions a turn in eight chains: as many each cycle as the core has
// vector pipes for (4 on Zen 4, where a turn takes 4 cycles, measured; 3 on
// Intel), all of them SSE2, which every amd64 CPU has.
TEXT ·throughput(SB), NOSPLIT, $0-8
	MOVQ turns+0(FP), CX
	PXOR X0, X0
	PCALIGN $64

turn:
	PADDD X0, X1
	PADDD X0, X2
	PADDD X0, X3
	PADDD X0, X4
	PADDD X0, X5
	PADDD X0, X6
	PADDD X0, X7
	PADDD X0, X8
	PADDD X0, X1
	PADDD X0, X2
	PADDD X0, X3
	PADDD X0, X4
	PADDD X0, X5
	PADDD X0, X6
	PADDD X0, X7
	PADDD X0, X8
	DECQ  CX
	JNZ   turn
	RET
