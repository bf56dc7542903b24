// SPDX-License-Identifier: GPL-2.0
/*
 * A dma-buf goes from one process to another over a Unix socket
 *
 * The socket may be in a folder where others can make files, move them and put
 * links in their place. So it is made in a folder of its own beside its place, where
 * nobody else can do that, and is moved there when it has its rights and somebody
 * listens. Nothing is ever done to what has its name by then, but:
 *
 * A socket that a killed server has left is replaced. Of two who find it at the same
 * time the second must not replace the first one's, which is why they look and
 * replace while they hold the lock of the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "message.h"
#include "share.h"
#include "verb.h"

/* Seconds. The server answers at once; this is for a socket of something else */
#define PATIENCE 5

/* As many descriptors as a message can have: a server may send too many */
#define MAX_FDS 253

union control {
	char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
	struct cmsghdr align;
};

void share_header(struct share_header *header, uint64_t size, const char *name)
{
	memset(header, 0, sizeof(*header));
	memcpy(header->magic, SHARE_MAGIC, sizeof(header->magic));
	header->size = size;
	memcpy(header->name, name, strnlen(name, sizeof(header->name) - 1));
}

static bool make_address(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (!path[0] || strlen(path) >= sizeof(address->sun_path)) {
		complain(path[0] ? path : "unix:", NULL,
			 "the path of a socket has 1 to %zu characters",
			 sizeof(address->sun_path) - 1);
		return false;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return true;
}

static int connect_to(const struct sockaddr_un *address)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

/*
 * Return: the socket "s" in the folder @dir, or -errno. Its rights are set before
 * it has a name; a group takes one, which nobody else can have replaced here.
 */
static int bind_in(int dir, gid_t gid, struct stat *st)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const bool group = gid != (gid_t)-1;
	mode_t mask;
	int fd, ret;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/proc/self/fd/%d/s", dir);
	ret = fchmod(fd, group ? 0660 : 0600);
	mask = umask(0);
	if (!ret)
		ret = bind(fd, (const struct sockaddr *)&address,
			   sizeof(address));
	umask(mask);
	if (!ret)
		ret = listen(fd, SOMAXCONN);
	if (!ret)
		ret = fstatat(dir, "s", st, AT_SYMLINK_NOFOLLOW);
	if (!ret)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

/* Wait for the lock of the folder, but not for ever: anybody can hold it */
static int lock_beside(const char *path)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	char *copy = strdup(path);
	int dir, i;

	dir = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) :
		     -1;
	free(copy);
	for (i = 0; dir >= 0 && flock(dir, LOCK_EX | LOCK_NB); i++) {
		if (i == PATIENCE * 100) {
			close(dir);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return dir;
}

/* Put "s" in the place of what a killed server has left, and of nothing else */
static int replace_stale(int dir, const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	int lock = lock_beside(path), fd, ret = -1;
	struct stat st;

	if (lock < 0) {
		complain(path, "name another path, or remove it",
			 "it is there, and the folder is locked or not readable");
		return -1;
	}
	if (lstat(path, &st) || !S_ISSOCK(st.st_mode)) {
		complain(path, "name another path, or remove it",
			 "there is something, and it is no socket");
		goto out;
	}
	fd = connect_to(address);
	if (fd == -ECONNREFUSED) {
		ret = renameat(dir, "s", AT_FDCWD, path);
		if (ret)
			complain(path, NULL, "cannot make the socket: %s",
				 strerror(errno));
		goto out;
	}
	if (fd >= 0)
		close(fd);
	complain(path, "name another path, or end that one",
		 fd == -EACCES ? "there is a socket of somebody else's" :
				 "another program serves this socket");
out:
	close(lock);
	return ret;
}

static int publish(int dir, const struct sockaddr_un *address)
{
	/* Not all file systems know how to move without replacing */
	if (!renameat2(dir, "s", AT_FDCWD, address->sun_path,
		       RENAME_NOREPLACE) ||
	    (errno == EINVAL &&
	     !linkat(dir, "s", AT_FDCWD, address->sun_path, 0)))
		return 0;
	if (errno == EEXIST)
		return replace_stale(dir, address);
	complain(address->sun_path, NULL, "cannot make the socket: %s",
		 strerror(errno));
	return -1;
}

/* @path is that of @address, and stays */
static int listen_in(int dir, const char *path,
		     const struct sockaddr_un *address, gid_t gid)
{
	struct stat st;
	int fd;

	fd = bind_in(dir, gid, &st);
	if (fd < 0) {
		complain(path, NULL, "cannot make the socket: %s",
			 strerror(-fd));
		return -EXIT_FAILED;
	}
	if (gid != (gid_t)-1 &&
	    fchownat(dir, "s", (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW)) {
		complain(path, "name a group you are in",
			 "cannot give the socket to the group: %s",
			 strerror(errno));
	} else {
		/* Whatever has the name until then is another file */
		cleanup_unlink(path, &st);
		if (!publish(dir, address))
			return fd;
		cleanup_unlink(NULL, NULL);
	}
	close(fd);
	return -EXIT_FAILED;
}

/* Not even a folder can be made there, as in /proc: tell what is in the way, if anything */
static void complain_place(const char *path, int err)
{
	struct stat st;

	if (!lstat(path, &st) && !S_ISSOCK(st.st_mode))
		complain(path, "name another path, or remove it",
			 "there is something, and it is no socket");
	else
		complain(path, NULL, "cannot make the socket: %s", strerror(err));
}

int share_listen(const char *path, gid_t gid)
{
	struct sockaddr_un address;
	char own[PATH_MAX];
	struct stat st;
	int dir, fd = -EXIT_FAILED;

	if (!make_address(&address, path))
		return -EXIT_USAGE;
	snprintf(own, sizeof(own), "%s.XXXXXX", path);
	dir = cleanup_mkdtemp(own, "s");
	if (dir < 0) {
		complain_place(path, -dir);
		return -EXIT_FAILED;
	}
	if (fstat(dir, &st) || st.st_uid != geteuid() || st.st_mode & 077)
		complain(path, NULL, "cannot make the socket: somebody interferes");
	else
		fd = listen_in(dir, path, &address, gid);
	/* With the socket, unless that was moved */
	cleanup_rmdir();
	return fd;
}

static int send_fd(int to, int fd, const struct share_header *header)
{
	struct iovec iov = {
		.iov_base = (void *)header,
		.iov_len = sizeof(*header),
	};
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = CMSG_SPACE(sizeof(fd)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	/* It fits into a new socket's buffer: nobody can keep us waiting */
	if (sendmsg(to, &msg, MSG_NOSIGNAL) != (ssize_t)sizeof(*header))
		return -errno;
	return 0;
}

int share_serve(int listener, int fd, const struct share_header *header,
		pid_t *client)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int to, ret;

	to = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (to < 0)
		return errno == ECONNABORTED ? -EPIPE : -errno;
	getsockopt(to, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	*client = peer.pid;
	ret = send_fd(to, fd, header);
	close(to);
	return ret;
}

/*
 * Take the descriptors out of a message. Return: the only one; if there are more or
 * none they are closed, and it is -1.
 */
static int only_fd(struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	int fd, only = -1;
	size_t i, nr = 0;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; CMSG_LEN((i + 1) * sizeof(fd)) <= cmsg->cmsg_len;
		     i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd),
			       sizeof(fd));
			if (nr++)
				close(fd);
			else
				only = fd;
		}
	}
	if (nr == 1 && !(msg->msg_flags & MSG_CTRUNC))
		return only;
	if (nr)
		close(only);
	return -1;
}

/* Return: the fd, -errno, or -EPROTO if the message is not one of ours */
static int receive_fd(int from, struct share_header *header)
{
	struct iovec iov = { .iov_base = header, .iov_len = sizeof(*header) };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t got;
	int fd;

	got = recvmsg(from, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	if (got < 0)
		return -errno;
	fd = only_fd(&msg);
	if (fd >= 0 && got == (ssize_t)sizeof(*header) &&
	    !memcmp(header->magic, SHARE_MAGIC, sizeof(header->magic)) &&
	    memchr(header->name, 0, sizeof(header->name)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -EPROTO;
}

static void complain_connect(const char *path, int err)
{
	struct stat st;

	if (err == ENOENT)
		complain(path, "start 'dmabuf-p2p export ... --socket' first",
			 "there is no such socket");
	else if (err == ECONNREFUSED && !stat(path, &st) &&
		 !S_ISSOCK(st.st_mode))
		complain(path, "unix: takes the socket of 'dmabuf-p2p export'",
			 "this is no socket");
	else if (err == ECONNREFUSED)
		complain(path, "start 'dmabuf-p2p export ... --socket' again",
			 "nobody serves this socket any more");
	else if (err == EACCES)
		complain(path,
			 "'export --group' lets a group of users connect",
			 "the socket is somebody else's");
	else
		complain(path, NULL, "cannot connect: %s", strerror(err));
}

int share_take(const char *path, struct share_header *header)
{
	struct sockaddr_un address;
	int from, fd;

	if (!make_address(&address, path))
		return -EXIT_USAGE;
	from = connect_to(&address);
	if (from < 0) {
		complain_connect(path, -from);
		return -EXIT_FAILED;
	}
	fd = receive_fd(from, header);
	close(from);
	if (fd >= 0)
		return fd;
	if (fd == -EPROTO || fd == -EAGAIN)
		complain(path, NULL,
			 "this socket is not one of 'dmabuf-p2p export'");
	else
		complain(path, NULL, "cannot receive: %s", strerror(-fd));
	return -EXIT_FAILED;
}
