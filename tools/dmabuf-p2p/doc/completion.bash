# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Completion of dmabuf-p2p for bash. It asks the program for its verbs and, by
# --help, for what a verb takes.

# Bash breaks words at colons and equal signs: what stands before is not replaced
_dmabuf_p2p_reply() {
	local cur=$1 strip=${1%"${1##*[:=]}"} word
	shift
	for word; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("${word#"$strip"}")
	done
}

_dmabuf_p2p_devices() {
	local cur=$1 append=$2 path addr words=()
	for path in "${DMABUF_P2P_ROOT-}"/sys/bus/pci/devices/*; do
		addr=${path##*/}
		# Without domain as well, once somebody types it so
		[[ $cur != ??:* && $cur != [0-9a-f]? ]] || words+=("${addr#0000:}$append")
		words+=("$addr$append")
	done
	# Names of PCI devices, once somebody has begun to type one
	if [[ $cur = [a-z]* ]]; then
		for path in "${DMABUF_P2P_ROOT-}"/sys/class/{infiniband,net,nvme,block,drm,accel}/"$cur"*; do
			[[ ! -e $path || $(readlink -f "$path") != */pci*/* ]] || words+=("${path##*/}$append")
		done
	fi
	_dmabuf_p2p_reply "$cur" "${words[@]}"
}

_dmabuf_p2p_files() {
	local cur=$1 before=$2 words
	mapfile -t words < <(compgen -P "$before" -f -- "${cur#"$before"}")
	compopt -o filenames 2>/dev/null
	_dmabuf_p2p_reply "$cur" "${words[@]}"
}

# Names of groups or numbers of processes, from what a command prints
_dmabuf_p2p_list() {
	local cur=$1 before=$2 words
	shift 2
	mapfile -t words < <("$@" 2>/dev/null)
	_dmabuf_p2p_reply "$cur" "${words[@]/#/$before}"
}

_dmabuf_p2p_processes() {
	local path
	for path in /proc/[0-9]*; do
		echo "${path##*/}"
	done
}

_dmabuf_p2p_kernels() {
	local path
	for path in "${DMABUF_P2P_ROOT-}"/lib/modules/*; do
		[ ! -d "$path" ] || echo "${path##*/}"
	done
}

_dmabuf_p2p_drivers() {
	local path
	for path in "${DMABUF_P2P_ROOT-}"/sys/bus/pci/drivers/*; do
		[ ! -d "$path" ] || echo "${path##*/}"
	done
}

# NVMe controllers and RDMA devices, for --via
_dmabuf_p2p_engines() {
	local cur=$1 before=$2 root=${DMABUF_P2P_ROOT-} path words=()
	case $cur in
	"$before"nvme:*)
		for path in "$root"/sys/bus/pci/devices/*; do
			[[ $(cat "$path/class" 2>/dev/null) != 0x0108* ]] || words+=("${before}nvme:${path##*/}")
		done
		[[ $cur != "$before"nvme:??:* && $cur != "$before"nvme:[0-9a-f]? ]] ||
			words+=("${words[@]/nvme:0000:/nvme:}") ;;
	"$before"rdma:*)
		for path in "$root"/sys/class/infiniband/*; do
			[ ! -e "$path" ] || words+=("${before}rdma:${path##*/}")
		done ;;
	*)
		compopt -o nospace 2>/dev/null
		words=("${before}cpu" "${before}rdma:" "${before}nvme:") ;;
	esac
	_dmabuf_p2p_reply "$cur" "${words[@]}"
}

# What the synopsis of the verb has: $2; after $3 arguments
_dmabuf_p2p_argument() {
	local cur=$1
	case $cur in
	unix:*)
		_dmabuf_p2p_files "$cur" unix:
		return ;;
	esac
	case $2 in
	*'DEVICE RANGES'*)
		case $3 in
		0)
			_dmabuf_p2p_devices "$cur" '' ;;
		1)
			compopt -o nospace 2>/dev/null
			_dmabuf_p2p_reply "$cur" bar{0..5} ;;
		*)
			_dmabuf_p2p_files "$cur" '' ;;
		esac ;;
	*DEVICE*)
		_dmabuf_p2p_devices "$cur" '' ;;
	*FROM*)
		# Ranges, a size or a path follow
		compopt -o nospace 2>/dev/null
		_dmabuf_p2p_reply "$cur" mem: unix: fd: disk: host:
		_dmabuf_p2p_devices "$cur" / ;;
	*BUFFER*)
		compopt -o nospace 2>/dev/null
		_dmabuf_p2p_reply "$cur" mem: unix: fd:
		_dmabuf_p2p_devices "$cur" / ;;
	*unix:PATH*)
		compopt -o nospace 2>/dev/null
		_dmabuf_p2p_reply "$cur" unix: fd: ;;
	esac
}

_dmabuf_p2p() {
	local program=$1 line=${COMP_LINE:0:COMP_POINT} cur help words options option before=''
	# Words as the program sees them
	cur=${line##*[[:space:]]}
	read -ra words <<<"$line"
	COMPREPLY=()

	if [ "${#words[@]}" -lt 2 ] || [[ ${#words[@]} = 2 && -n $cur ]]; then
		mapfile -t words < <("$program" --list-verbs)
		_dmabuf_p2p_reply "$cur" "${words[@]}" --help --version
		return
	fi
	help=$("$program" "${words[1]}" --help 2>/dev/null) || return
	mapfile -t options < <(sed -nE 's/^ +(-., )?(--[a-z][a-z-]*)(\[?=)?.*/\2\3/p' <<<"$help")

	# "--svg FILE" and "--svg=FILE"; "words" ends with what is being typed
	[ -z "$cur" ] || unset 'words[-1]'
	option=${words[-1]}
	case $cur in
	--*=*)
		option=${cur%%=*} before=$option= ;;
	-*)
		_dmabuf_p2p_reply "$cur" "${options[@]}"
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null
		return ;;
	*)
		[[ " ${options[*]} " == *" $option= "* ]] || option='' ;;
	esac
	case $option in
	'')
		_dmabuf_p2p_argument "$cur" "$(sed -n '1p; 2,$ { /^[^ ]/ q; p }' <<<"$help")" \
			"$(_dmabuf_p2p_count)" ;;
	--via)
		_dmabuf_p2p_engines "$cur" "$before" ;;
	--kernel)
		_dmabuf_p2p_list "$cur" "$before" _dmabuf_p2p_kernels ;;
	--class)
		_dmabuf_p2p_reply "$cur" "$before"{storage,network,display,multimedia,memory,accelerator} ;;
	--route)
		_dmabuf_p2p_devices "$cur" '' ;;
	--pid)
		_dmabuf_p2p_list "$cur" "$before" _dmabuf_p2p_processes ;;
	--group)
		_dmabuf_p2p_list "$cur" "$before" compgen -g ;;
	--color)
		_dmabuf_p2p_reply "$cur" "$before"{always,never,auto} ;;
	--driver)
		_dmabuf_p2p_list "$cur" "$before" _dmabuf_p2p_drivers ;;
	--output | --socket | --svg)
		_dmabuf_p2p_files "$cur" "$before" ;;
	*)
		# Numbers, sizes, a command: nothing to offer
		: ;;
	esac
}

# So many arguments are there already, in "words" of the caller
_dmabuf_p2p_count() {
	local i count=0
	for ((i = 2; i < ${#words[@]}; i++)); do
		case ${words[i]} in
		-*)
			# Its value is the next one
			[[ ${words[i]} = *=* || " ${options[*]} " != *" ${words[i]}= "* ]] || ((i++)) ;;
		*)
			((count++)) ;;
		esac
	done
	echo $count
}

complete -F _dmabuf_p2p dmabuf-p2p
