from archdsl.cli import main

main(prog_name="archdsl")
