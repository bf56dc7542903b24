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
	_dmabuf_p2p_reply "$cur" "${words[@]}"
}

_dmabuf_p2p_files() {
	local cur=$1 before=$2 words
	mapfile -t words < <(compgen -P "$before" -f -- "${cur#"$before"}")
	compopt -o filenames 2>/dev/null
	_dmabuf_p2p_reply "$cur" "${words[@]}"
}

# What the synopsis of the verb has: $2
_dmabuf_p2p_argument() {
	local cur=$1
	case $cur in
	unix:*)
		_dmabuf_p2p_files "$cur" unix:
		return ;;
	esac
	case $2 in
	*DEVICE*)
		_dmabuf_p2p_devices "$cur" '' ;;
	*FROM*)
		# Ranges, a size or a path follow
		compopt -o nospace 2>/dev/null
		_dmabuf_p2p_reply "$cur" mem: unix: fd: disk:
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
		_dmabuf_p2p_argument "$cur" "$(sed -n '1p; 2,$ { /^[^ ]/ q; p }' <<<"$help")" ;;
	--via)
		compopt -o nospace 2>/dev/null
		_dmabuf_p2p_reply "$cur" "${before}cpu" "${before}rdma:" "${before}nvme:" ;;
	--route)
		_dmabuf_p2p_devices "$cur" '' ;;
	*)
		_dmabuf_p2p_files "$cur" "$before" ;;
	esac
}

complete -F _dmabuf_p2p dmabuf-p2p
