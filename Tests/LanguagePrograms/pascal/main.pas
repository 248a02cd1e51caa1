program judge;

{$mode objfpc}

uses cthreads, Classes, doubling;

type
  TAdder = class(TThread)
    part: longint;
    procedure Execute; override;
  end;

procedure TAdder.Execute;
var i: longint;
begin
  for i := 0 to 99 do part := part + i;
end;

var
  mode: string;
  a, b, i, total: longint;
  block: pointer;
  adders: array[0..3] of TAdder;
begin
  readln(mode);
  if mode = 'hello' then writeln('hello');
  if mode = 'sum' then begin
    readln(a, b);
    writeln(twice(a + b));
  end;
  if mode = 'exit' then halt(7);
  if mode = 'memory' then
    repeat
      getmem(block, 1048576);
      fillchar(block^, 1048576, 1);
    until false;
  if mode = 'spin' then repeat until false;
  if mode = 'threads' then begin
    total := 0;
    for i := 0 to 3 do adders[i] := TAdder.Create(false);
    for i := 0 to 3 do begin
      adders[i].WaitFor;
      total := total + adders[i].part;
    end;
    writeln(total);
  end;
end.
