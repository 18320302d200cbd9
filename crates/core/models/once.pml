/* What is done once, as src/once.rs does it: kill -9 at every step. The lock is the one of mutex.pml, and is one step
   here: its waits and wakes are checked there.
   Sequentially consistent: memory orderings are loom's task (tests/loom.rs).

   DEATHS           how many may die
   BUG_...          one line changed: each must be found                                                             */
#define N 3
#ifndef DEATHS
#define DEATHS 0
#endif

byte owner = 0; bool P = 0; bool done = 0;
bool dead[N + 1]; byte deaths = 0;
byte over = 0; byte finished = 0; byte inside = 0;                          /* ghosts */

inline may_die() { if :: deaths < DEATHS -> goto die :: skip fi }

proctype Participant(byte me) {
  bool p; bool in;
  may_die();
  if :: done -> goto over_ :: else fi;
  may_die();
  atomic {
    if
    :: owner == 0 -> owner = me; p = P
    :: owner != 0 && dead[owner] -> owner = me; P = 1; p = 1
    fi
  };
  may_die();
#ifndef BUG_LOOKS_ONLY_BEFORE
  if :: done -> owner = 0; goto over_ :: else fi;
#endif
  may_die();
  atomic { inside++; in = 1; assert(inside == 1); assert(finished == 0); assert(p || deaths == 0 || !P) };
  may_die();
  atomic { inside--; in = 0; finished++ };
#ifdef BUG_SAYS_SO_LATE
  owner = 0;
  may_die();
  done = 1;
#else
  may_die();
  done = 1;
  may_die();
  P = 0;
  may_die();
  owner = 0;
#endif
over_:
  over++;
  goto end_;
die:
  atomic {
    deaths++; dead[me] = 1; over++;
    if :: in -> inside-- :: else -> skip fi;
    /* Done, and nobody was told: the next one does it anew. */
    if :: owner == me && !done -> finished = 0 :: else -> skip fi
  };
end_: skip
}

init {
  atomic { run Participant(1); run Participant(2); run Participant(3) };
  (over == N);
  assert(done || deaths == N)                    /* whoever survives finds it done */
}
