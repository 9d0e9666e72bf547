package stratum

func hostile11() []hostileCase {
	return []hostileCase{}
}
