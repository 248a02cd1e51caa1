unit doubling;

interface

function twice(number: longint): longint;

implementation

function twice(number: longint): longint;
begin
  twice := 2 * number;
end;

end.
