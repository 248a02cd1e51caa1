let () =
  match input_line stdin with
  | "hello" -> print_endline "hello"
  | "sum" -> Scanf.sscanf (input_line stdin) " %d %d" (fun a b -> Printf.printf "%d\n" (Twice.twice (a + b)))
  | "exit" -> exit 7
  | "memory" ->
    let kept = ref [] in
    while true do kept := Bytes.make 1048576 'x' :: !kept done
  | "spin" -> while true do ignore (Sys.opaque_identity 1) done
  | "threads" ->
    let total = ref 0 and mutex = Mutex.create () in
    let add () =
      for i = 0 to 99 do Mutex.lock mutex; total := !total + i; Mutex.unlock mutex done in
    List.iter Thread.join (List.init 4 (fun _ -> Thread.create add ()));
    Printf.printf "%d\n" !total
  | _ -> ()
