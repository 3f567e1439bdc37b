-- The one clock of every statement. Test databases replace this function with one that adds an offset; no other database may.
create function loop_now() returns timestamptz language sql stable parallel safe as 'select now()';
