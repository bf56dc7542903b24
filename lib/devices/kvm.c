// SPDX-License-Identifier: MIT
/*
 * The VM: memory slots, private memory, statistics
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm.h"
#include "kvm_layout.h"

static int open_kvm(void)
{
	return open("/dev/kvm", O_RDWR | O_CLOEXEC);
}

int __vmm_open(struct vmm *vmm, unsigned long type)
{
	int kvm = open_kvm(), ret;
	void *ram;

	vmm->fd = -1;
	vmm->ram = NULL;
	vmm->next_table = RAM_MORE_TABLES;
	if (kvm < 0)
		return -errno;
	vmm->fd = ioctl(kvm, KVM_CREATE_VM, type);
	ret = vmm->fd < 0 ? -errno : 0;
	close(kvm);
	if (ret)
		return ret;

	/* A child's memory is not what the parent's guest has */
	ram = mmap(NULL, VMM_RAM_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED) {
		ret = -errno;
	} else {
		vmm->ram = ram;
		madvise(ram, VMM_RAM_SIZE, MADV_DONTFORK);
		/* So that all mappings of 2 MiB are those of tests */
		madvise(ram, VMM_RAM_SIZE, MADV_NOHUGEPAGE);
		memcpy(vmm->ram + RAM_CODE, guest_code,
		       (size_t)(guest_code_end - guest_code));
		vmm_fill_tables(vmm);
		ret = __vmm_memory(vmm, 0, 0, ram, VMM_RAM_SIZE);
	}
	if (ret)
		vmm_close(vmm);
	return ret;
}

void vmm_close(struct vmm *vmm)
{
	if (vmm->fd >= 0)
		close(vmm->fd);
	if (vmm->ram)
		munmap(vmm->ram, VMM_RAM_SIZE);
	vmm->fd = -1;
	vmm->ram = NULL;
}

int vmm_has(const struct vmm *vmm, unsigned int cap)
{
	return ioctl(vmm->fd, KVM_CHECK_EXTENSION, cap);
}

int __vmm_region(const struct vmm *vmm,
		 const struct kvm_userspace_memory_region2 *region)
{
	return ioctl(vmm->fd, KVM_SET_USER_MEMORY_REGION2, region) < 0 ?
		       -errno : 0;
}

int __vmm_dmabuf(const struct vmm *vmm, uint32_t slot, uint64_t gpa, int fd,
		 uint64_t offset, uint64_t size)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot,
		.flags = KVM_MEM_DMABUF,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.guest_memfd_offset = offset,
		.guest_memfd = (uint32_t)fd,
	};

	return __vmm_region(vmm, &region);
}

int __vmm_memory(const struct vmm *vmm, uint32_t slot, uint64_t gpa, void *va,
		 uint64_t size)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)va,
	};

	return __vmm_region(vmm, &region);
}

int __vmm_delete(const struct vmm *vmm, uint32_t slot)
{
	struct kvm_userspace_memory_region2 region = { .slot = slot };

	return __vmm_region(vmm, &region);
}

int __vmm_convert(const struct vmm *vmm, uint64_t gpa, uint64_t size,
		  bool private)
{
	struct kvm_memory_attributes attributes = {
		.address = gpa,
		.size = size,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	return ioctl(vmm->fd, KVM_SET_MEMORY_ATTRIBUTES, &attributes) < 0 ?
		       -errno : 0;
}

/* Return: offset of a value in the statistics file, -1 if it has no such */
static int64_t find_stat(int stats, const char *name)
{
	struct kvm_stats_header header;
	char desc[sizeof(struct kvm_stats_desc) + 256];
	int64_t at = -1;
	uint32_t i;

	if (pread(stats, &header, sizeof(header), 0) != sizeof(header) ||
	    header.name_size >= 256)
		return -1;
	for (i = 0; i < header.num_desc && at < 0; i++) {
		struct kvm_stats_desc *d = (struct kvm_stats_desc *)desc;
		size_t size = sizeof(*d) + header.name_size;

		memset(desc, 0, sizeof(desc));
		if (pread(stats, desc, size,
			  (off_t)(header.desc_offset + i * size)) !=
		    (ssize_t)size)
			return -1;
		if (!strcmp(d->name, name))
			at = (int64_t)header.data_offset + d->offset;
	}
	return at;
}

int __vmm_stats_open(int fd)
{
	int stats = ioctl(fd, KVM_GET_STATS_FD, NULL);

	return stats < 0 ? -errno : stats;
}

int __vmm_stats_read(int stats, const char *name, uint64_t *value)
{
	int64_t at = find_stat(stats, name);

	if (at < 0)
		return -ENOENT;
	return pread(stats, value, sizeof(*value), at) ==
	       (ssize_t)sizeof(*value) ? 0 : -EIO;
}

int __vmm_stat(int fd, const char *name, uint64_t *value)
{
	int stats = __vmm_stats_open(fd), ret;

	if (stats < 0)
		return stats;
	ret = __vmm_stats_read(stats, name, value);
	close(stats);
	return ret;
}

int __vmm_levels(const struct vmm *vmm, struct vmm_levels *levels)
{
	int ret = __vmm_stat(vmm->fd, "pages_4k", &levels->k4);

	if (!ret)
		ret = __vmm_stat(vmm->fd, "pages_2m", &levels->m2);
	if (!ret)
		ret = __vmm_stat(vmm->fd, "pages_1g", &levels->g1);
	return ret;
}
