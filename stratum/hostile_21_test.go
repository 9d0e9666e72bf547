package stratum

func hostile21() []hostileCase {
	return []hostileCase{}
}
