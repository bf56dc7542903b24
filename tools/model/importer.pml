// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer that does all that "struct dma_buf_phys_importer_ops" allows, at random: its
 * device is stopped by the callback, or leaves a fence and runs on; it unmaps in the
 * callback, or late from a work item; it maps in the callback, or at the next use. One
 * who maps waits for a copy with the reservation lock held, as ib_umem_dmabuf_map_pages() does.
 *
 * Critical sections are atomic as far as nobody looks in who does not hold the lock.
 *
 * The device starts transfers by itself, as the engine of edu_ib does: edu_engine_start().
 */
byte cur[2] = NONE;	/* the mapping that the device may use */
byte old[2] = NONE;	/* the one that is to be unmapped */
byte busy[2] = NONE;	/* the place of a transfer that has not ended */

inline importer_map(i)
{
	dma_buf_phys_map(mapping);
	if
	:: mapping != NONE ->
#if BROKEN != 19	/* does not wait for a copy */
		fences_signaled_kernel;
#endif
		cur[i] = mapping
	:: else
	fi
}

inline importer_notify(i, event)
{
	if
	:: event != RESTORE && cur[i] != NONE ->
		assert(old[i] == NONE);
		/* No transfer starts from here on; wait for this one, or leave a fence */
		mapping = cur[i];
#if BROKEN != 23	/* waits first, so that another one can start */
		cur[i] = NONE;
#endif
		if
		:: busy[i] == NONE
		:: LEAVES_FENCES(i) && busy[i] != NONE -> fence[i] = true
		fi;
#if BROKEN == 23
		cur[i] = NONE;
#endif
		if
		:: dma_buf_phys_unmap(mapping)
		:: old[i] = mapping
		fi
	:: else
	fi;
	if
	:: cur[i] == NONE -> importer_map(i)	/* it may try on each event */
	:: true
	fi;
	mapping = NONE;
	told[i] = true
}

proctype importer_device(byte i)
{
end:	do
	:: atomic { cur[i] != NONE && busy[i] == NONE -> ACCESS(cur[i]); busy[i] = cur[i] }
	:: atomic { busy[i] != NONE -> ACCESS(busy[i]); busy[i] = NONE; fence[i] = false }
	od
}

/* The work item that unmaps late */
proctype importer_unmap(byte i)
{
	bool woken;

end:	do
	:: old[i] != NONE && !fence[i] ->
		dma_resv_lock();
		if
		:: old[i] != NONE && !fence[i] ->
			dma_buf_phys_unmap(old[i]);
			old[i] = NONE
		:: else
		fi;
		dma_resv_unlock()
	od
}

/* A program: any number of attachments, one at a time */
proctype importer(byte i)
{
	byte mapping = NONE;
	bool woken;

	do
	:: atomic {
			dma_resv_lock();	/* phys_attach_locked() */
			told[i] = true;
#if BROKEN == 8	/* joins the attachments after the lock is dropped */
			dma_resv_unlock();
		}
		attached[i] = true;
#else
			attached[i] = state != DEAD;
			dma_resv_unlock()
		}
#endif
		if
		:: attached[i]
		:: else -> break
		fi;
		do
		:: atomic {
				dma_resv_lock();
				if
				:: cur[i] == NONE -> importer_map(i)
				:: else
				fi;
				mapping = NONE;
				dma_resv_unlock()
			}
		:: break
		od;
		/* In one critical section: stop the device, unmap, detach */
		atomic {
			leave(true);
			dma_resv_lock();
			!fence[i];
			if
			:: old[i] != NONE -> dma_buf_phys_unmap(old[i]); old[i] = NONE
			:: else
			fi;
			mapping = cur[i];
			cur[i] = NONE;
			busy[i] == NONE;
			if
			:: mapping != NONE -> dma_buf_phys_unmap(mapping)
			:: else
			fi;
			mapping = NONE;
#if BROKEN == 12	/* dma_buf_phys_detach(), which takes the lock itself */
			dma_resv_unlock()
		}
		atomic {
			dma_resv_lock();
#endif
			attached[i] = false;	/* dma_buf_phys_detach_locked() */
			leave(false);
			dma_resv_unlock()
		}
	:: break
	od;
	users--			/* dma_buf_put() */
}
