// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "pass.h"

int __pass_fd(int sock, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (*fd < 0) {
		if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
			return -EPIPE;
		cmsg = CMSG_FIRSTHDR(&msg);
		if (!cmsg)
			return -EPROTO;
		memcpy(fd, CMSG_DATA(cmsg), sizeof(int));
		return 0;
	}
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), fd, sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}
